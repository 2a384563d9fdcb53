import os
import subprocess

os.environ["GREETING"] = "hello"
print(subprocess.run('echo "$GREETING ${MPLBACKEND-none} ${FORCE_COLOR-none}"', shell=True, capture_output=True, text=True).stdout, end="")
print({name for name in os.environ if name.startswith(("JPY_", "PYDEVD_"))})
