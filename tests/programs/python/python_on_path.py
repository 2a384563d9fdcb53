import subprocess
import sys

code = "import sys; print(sys.version_info[:2])"
for name in (sys.executable, "python3", "python"):
    said = subprocess.run([name, "-c", code], capture_output=True, text=True, check=True).stdout
    print(said.strip() == str(sys.version_info[:2]))
