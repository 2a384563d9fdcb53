import os

print("parent begins", flush=True)
child = os.fork()
if child == 0:
    print("child", flush=True)
    os._exit(7)
_, status = os.waitpid(child, 0)
print("child ended with", os.waitstatus_to_exitcode(status))
