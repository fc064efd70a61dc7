#!/bin/sh
# A runner starts a worker with options of Beam's boot; whatever else it is called with is for cliptrace.
set -eu

for argument in "$@"; do
  case $argument in
    --worker_pool | --worker_pool=* | --control_endpoint=* | --provision_endpoint=*) exec /opt/apache/beam/boot "$@" ;;
    --) break ;;
  esac
done
exec cliptrace "$@"
