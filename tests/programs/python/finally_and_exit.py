import sys


def work():
    try:
        print("working")
        sys.exit(6)
    except SystemExit as stop:
        print("caught", stop.code)
        raise
    finally:
        print("cleaning up")


work()
