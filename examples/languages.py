"""Six languages, one after another; for those that are missing, it prints what installs them."""

from code_interpreter import APIError, CodeInterpreterSync, SupportedLanguage

PROGRAMS = {
    SupportedLanguage.PYTHON: "print('Hello from Python')\n2 + 2",
    SupportedLanguage.BASH: 'name=Bash\necho "Hello from $name"',
    SupportedLanguage.JAVASCRIPT: "console.log('Hello from JavaScript'); 2 + 2",
    SupportedLanguage.TYPESCRIPT: (
        "const name: string = 'TypeScript'; console.log(`Hello from ${name}`); 2 + 2"
    ),
    SupportedLanguage.JAVA: 'System.out.println("Hello from Java");\nint sum = 2 + 2;\nsum',
    SupportedLanguage.GO: 'func main() {\n\tfmt.Println("Hello from Go")\n}',
}


def main() -> None:
    with CodeInterpreterSync.local() as interpreter:
        for language, code in PROGRAMS.items():
            try:
                context = interpreter.codes.create_context(language)
            except APIError as error:
                print(f"{language}: {error}")
                continue
            execution = interpreter.codes.run(code, context=context).raise_for_error()
            print(f"{language}: {execution.text!r}")


if __name__ == "__main__":
    main()
