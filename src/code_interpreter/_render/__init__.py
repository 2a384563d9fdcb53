"""Executions as a model reads them; `Execution.render` imports it when it is first called."""
