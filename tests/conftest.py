"""What every test runs with."""

from hypothesis import HealthCheck, settings

# How fast a machine is says nothing about the code. The parent is hypothesis's own profile, which
# tries the same examples every time where the environment has CI.
settings.register_profile(
    "unhurried",
    settings.default,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("unhurried")
