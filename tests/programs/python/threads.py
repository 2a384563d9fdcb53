import queue
import threading

jobs, results = queue.Queue(), []
lock = threading.Lock()


def work():
    while True:
        job = jobs.get()
        if job is None:
            return
        with lock:
            results.append(job * job)


workers = [threading.Thread(target=work) for _ in range(4)]
for worker in workers:
    worker.start()
for number in range(20):
    jobs.put(number)
for _ in workers:
    jobs.put(None)
for worker in workers:
    worker.join()
print(sorted(results))
