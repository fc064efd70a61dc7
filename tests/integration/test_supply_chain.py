"""Dependencies: licences that go with Apache-2.0, and no known vulnerability."""

from __future__ import annotations

import json
import sys

import pytest
from packaging.utils import canonicalize_name

from tests.integration.supply_chain import EXCEPTIONS, audit, audit_command, installed_closure, objection


def test_every_dependency_has_a_licence_that_goes_with_ours() -> None:
    closure = installed_closure()
    assert {"apache-beam", "pyarrow", "pymilvus", "grpcio", "pytest"} <= set(closure)
    objections = [
        objection(name, dict(package.metadata.items()), package.metadata.get_all("Classifier") or [])
        for name, package in sorted(closure.items())
    ]
    assert [each for each in objections if each] == []
    assert all(reason.strip() for reason in EXCEPTIONS.values())


@pytest.mark.parametrize(
    ("metadata", "classifiers", "expected"),
    [
        ({"License-Expression": "MIT"}, [], ""),
        ({"License-Expression": "MPL-2.0 AND (Apache-2.0 OR MIT)"}, [], ""),
        ({"License-Expression": "Apache-2.0 WITH LLVM-exception"}, [], ""),
        ({"License": "BSD"}, [], ""),
        ({"License": "MPL-2.0 AND MIT"}, [], ""),
        ({"License": "MIT License\n\nCopyright"}, [], ""),
        ({}, ["License :: OSI Approved", "License :: OSI Approved :: MIT License"], ""),
        ({"License-Expression": "AGPL-3.0-or-later"}, [], "x: AGPL-3.0-or-later"),
        ({"License-Expression": "MIT OR GPL-2.0-only"}, [], "x: GPL-2.0-only"),
        ({"License": "GPLv3"}, [], "x: GPLv3"),
        (
            {"License": "MIT"},
            ["License :: OSI Approved :: GNU General Public License v3 (GPLv3)"],
            "x: GNU General Public License v3 (GPLv3)",
        ),
        ({"License": "UNKNOWN"}, [], "x: no known licence"),
        ({}, ["License :: OSI Approved"], "x: no known licence"),
    ],
)
def test_what_a_licence_is_judged_by(metadata: dict[str, str], classifiers: list[str], expected: str) -> None:
    assert objection("x", metadata, classifiers) == expected


@pytest.mark.slow
def test_no_dependency_has_a_known_vulnerability() -> None:
    """Of what cliptrace needs; whatever else lies in the environment is somebody else's."""
    ours = set(installed_closure())
    vulnerable, skipped, audited = audit(audit_command())
    assert [each for each in vulnerable if canonicalize_name(each.split()[0]) in ours] == []
    if not audited:
        pytest.skip(f"NOTHING WAS AUDITED: the vulnerability service does not answer ({', '.join(skipped)[:200]} …)")
    assert [name for name in skipped if canonicalize_name(name) in ours] == [], "could not be audited"


def test_an_audit_without_an_answer_is_seen() -> None:
    answer = {
        "dependencies": [
            {"name": "good", "version": "1", "vulns": []},
            {"name": "bad", "version": "2", "vulns": [{"id": "CVE-1"}, {"id": "CVE-2"}]},
            {"name": "unknown", "skip_reason": "Dependency not found on PyPI"},
        ]
    }
    said = [sys.executable, "-c", f"print({json.dumps(json.dumps(answer))})"]
    assert audit(said) == (["bad 2: CVE-1, CVE-2"], ["unknown"], 2)
    silent = [sys.executable, "-c", "import sys; sys.exit('no route to host')"]
    assert audit(silent) == ([], ["no route to host"], 0)
