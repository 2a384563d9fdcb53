text = "straße ΑΒΓ ﬁn \N{GRINNING FACE} e\u0301"
print(text.upper(), text.casefold(), len(text))
print(text.encode("utf-16-le")[:6], ascii(text[-2:]))
print("\u2028between\u2028 and \x85 lines")
print("tab\tbell\x07 null\0 end")
