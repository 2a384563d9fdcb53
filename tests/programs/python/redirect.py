import contextlib
import io
import sys

captured = io.StringIO()
with contextlib.redirect_stdout(captured):
    print("hidden")
print("captured:", captured.getvalue().strip())
previous, sys.stdout = sys.stdout, io.StringIO()
print("lost")
sys.stdout = previous
print("back")
with contextlib.redirect_stderr(io.StringIO()) as errors:
    print("oops", file=sys.stderr)
print(repr(errors.getvalue()))
