"""Plays the game Tetris through its class Game, in a process of its own."""
import subprocess
import sys

PLAY = r'''
import importlib.util

spec = importlib.util.spec_from_file_location("tetris", "tetris.py")
tetris = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tetris)


def lying(game):
    return sum(1 for row in game.board for cell in row if cell)


def shape(game):
    cells = sorted(tuple(cell) for cell in game.piece)
    assert len(set(cells)) == 4, "a piece has not four cells"
    assert all(0 <= c < 10 and r < 20 for r, c in cells), "a piece leaves the board"
    top, left = min(r for r, _ in cells), min(c for _, c in cells)
    return {(r - top, c - left) for r, c in cells}


def edges(game):
    return min(c for _, c in game.piece), max(c for _, c in game.piece)


game = tetris.Game()
assert [len(row) for row in game.board] == [10] * 20 and lying(game) == 0, "the board is not 20 rows of 10 empty cells at the start"
assert game.score == 0 and not game.over, "a game does not begin with score 0"

before = shape(game)
for _ in range(12):
    game.move(-1)
assert edges(game)[0] == 0 and shape(game) == before, "move(-1) does not bring a piece to the left edge as it is"
for _ in range(12):
    game.move(1)
assert edges(game)[1] == 9 and shape(game) == before, "move(1) does not bring a piece to the right edge as it is"

row = min(r for r, _ in game.piece)
game.step()
assert min(r for r, _ in game.piece) == row + 1, "step() does not let a piece fall by one row"

shapes, turned = set(), False
for _ in range(40):
    game = tetris.Game()
    for _ in range(3):
        game.step()
        before = shape(game)
        shapes.add(frozenset(before))
        game.rotate()
        turned = turned or shape(game) != before
        game.drop()
assert turned, "rotate() turns no piece"
assert len(shapes) >= 4, "there are less than four kinds of pieces in 40 games"

game = tetris.Game()
game.drop()
assert lying(game) == 4 and lying(game) == sum(1 for row in game.board[16:] for cell in row if cell), "drop() does not lay a piece on the ground"
quiet = game.score

game = tetris.Game()
bottom = max(r for r, _ in game.piece)
gap = {c for r, c in game.piece if r == bottom}
for c in range(10):
    if c not in gap:
        game.board[19][c] = 1
game.drop()
assert lying(game) == 4 - len(gap), "a full row does not vanish"
assert game.score > quiet, "a full row scores nothing"

game = tetris.Game()
for _ in range(200):
    if game.over:
        break
    game.drop()
assert game.over, "a game does not end when the board is full"
print("the rules hold")
'''


def check(query, answer):
    try:
        with open("tetris.py", encoding="utf-8", errors="replace") as f:
            source = f.read().lower()
    except OSError as problem:
        raise AssertionError(f"tetris.py cannot be read: {problem}") from None
    try:
        played = subprocess.run([sys.executable, "-c", PLAY], stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=15)
    except subprocess.TimeoutExpired:
        raise AssertionError("tetris.py does not come to an end when its rules are tested") from None
    said = played.stdout.strip().splitlines()
    complaint = (played.stderr.strip().splitlines() or ["it ended without a word"])[-1]
    assert played.returncode == 0 and said and said[-1] == "the rules hold", f"tetris.py: {complaint[:300]}"
    assert any(way in source for way in ("curses", "tkinter", "pygame", "turtle", "termios", "msvcrt", "arcade", "pyglet")), "tetris.py reads no keyboard"
    assert answer.strip(), "the answer is empty"
