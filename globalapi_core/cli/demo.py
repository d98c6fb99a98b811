from globalapi_core.cli._lazy import plain
app = plain()
@app.command()
def demo() -> None: ...
