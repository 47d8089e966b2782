"""Floor 4: GitHub's events for components other than hook: handed over inside one process, or received over HTTP."""
