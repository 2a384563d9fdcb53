"""How programs are told of the proxy: there is no one way that all know. Pure."""

from pathlib import Path

_FETCH = Path(__file__).with_name("fetch.js")
# Those that a program of the sandbox's own listens at.
_DIRECT = "localhost,127.0.0.1,::1"


def through(port: int) -> dict[str, str]:
    """The variables that lead programs to a proxy on their own loopback.

    pip, npm, Go, git, curl, requests and httpx read HTTP_PROXY and the like, Node does from 24 on
    if it is told to, and the `fetch` of older ones is led there by a script. The JVM reads no
    variable without a line on stderr that says so: so the command `java` of a sandbox and its Java
    kernel read one of ours, and Maven and Gradle have their own.
    """
    url = f"http://127.0.0.1:{port}"
    ways = {"HTTP_PROXY": url, "HTTPS_PROXY": url, "NO_PROXY": _DIRECT}
    java = " ".join(
        f"-D{scheme}.proxyHost=127.0.0.1 -D{scheme}.proxyPort={port}"
        for scheme in ("http", "https")
    )
    return {
        **ways,
        **{name.lower(): value for name, value in ways.items()},
        "NODE_USE_ENV_PROXY": "1",
        "NODE_OPTIONS": f'--require "{_FETCH}"',
        # The last of them is for %maven, which would ask for no proxy otherwise.
        "CODE_INTERPRETER_JAVA_OPTIONS": f"{java} -Daether.connector.http.useSystemProperties=true",
        "MAVEN_OPTS": java,
        "GRADLE_OPTS": java,
    }
