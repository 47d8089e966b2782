"""The demo: `prow up`, the simulator, and a scripted contributor."""
