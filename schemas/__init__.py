"""What flows and what is stored: records, Arrow schemas, gallery layout, configuration. Imports nothing of ours."""

__version__ = "0.1.0"
