import subprocess
import sys

print("before", flush=True)
done = subprocess.run(["echo", "from echo"], capture_output=True, text=True, check=True)
print(done.stdout.strip())
try:
    subprocess.run([sys.executable, "-c", "import sys; sys.exit(5)"], check=True)
except subprocess.CalledProcessError as error:
    print("status", error.returncode)
pipe = subprocess.Popen(["sort"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
print(pipe.communicate("b\na\nc\n")[0].split())
