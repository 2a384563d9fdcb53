import sys

sys.stdout.write("text\n")
sys.stdout.flush()
sys.stdout.buffer.write("bytes: é 漢\n".encode())
sys.stdout.buffer.flush()
print("text again")
sys.stderr.buffer.write(b"warning\n")
