"""What any execd must do for a program that runs code, whoever wrote the server.

    EXECD_URL=http://127.0.0.1:44772 EXECD_HEADERS='X-EXECD-ACCESS-TOKEN: ...' \
        bash scripts/test.sh tests/conformance

`EXECD_HEADERS` holds one `Name: value` a line, as `code-interpreter execd` prints it. Without
`EXECD_URL` an execd of this machine is started, once as it is and once with the manners of the
reference daemon (`tests/support/likeness.py`). The server must be one that nobody else needs:
contexts of all languages are deleted on it. Its files are touched below one new directory of
`/tmp` only.

What must stay true:

- Nothing here knows whose server it is, nor runs on its machine: files are looked at through the
  API, and programs find each other by files on the server.
- An assertion is what the protocol promises to every client. Where servers may differ, it holds for
  all of them: the order of events, what the id of a run looks like, whether a language's errors are
  events or text, at which rates output is whole.
- No time decides whether a test passes; limits only guard against hanging.
- What the reference daemon is known to do differently is in `differences`, told by its answers.
- A language that the server lacks is a skip with the server's own words. `EXECD_LANGUAGES`, a list
  with blanks between, names those that must not be lacking.
"""
