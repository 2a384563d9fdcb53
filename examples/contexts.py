"""State lasts within a context, and other contexts do not see it."""

from code_interpreter import CodeInterpreterSync, SupportedLanguage


def main() -> None:
    with CodeInterpreterSync.local() as interpreter:
        first = interpreter.codes.create_context(SupportedLanguage.PYTHON)
        second = interpreter.codes.create_context(SupportedLanguage.PYTHON)
        interpreter.codes.run("users = ['Ada', 'Grace']", context=first)
        print(interpreter.codes.run("len(users)", context=first).result[0].text)
        print(interpreter.codes.run("'users' in globals()", context=second).result[0].text)


if __name__ == "__main__":
    main()
