class ConfigError(ValueError):
    pass


print("reading")
raise ConfigError("port: expected a number, got 'http'")
