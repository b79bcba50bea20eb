"""Plays the game Snake through its class Game, in a process of its own."""
import subprocess
import sys

PLAY = r'''
import importlib.util

spec = importlib.util.spec_from_file_location("snake", "snake.py")
snake = importlib.util.module_from_spec(spec)
spec.loader.exec_module(snake)


def cells(game):
    return [tuple(cell) for cell in game.snake]


def far(game):
    game.food = (0, 0)


game = snake.Game()
(x, y), start = cells(game)[0], cells(game)
assert start == [(x, y), (x - 1, y), (x - 2, y)] and game.score == 0 and not game.over, "a game does not begin with three cells that head right, and score 0"
assert tuple(game.food) not in start, "the food lies on the snake"
far(game)
game.step()
assert cells(game) == [(x + 1, y), (x, y), (x - 1, y)], "step() does not move the snake by one cell"
game.turn("left")
game.step()
assert cells(game)[0] == (x + 2, y) and not game.over, "turning straight back is not ignored"
game.turn("down")
game.step()
assert cells(game)[0] == (x + 2, y + 1), "turn('down') does not lead downwards"

game = snake.Game()
for fed in range(1, 4):
    head, score = cells(game)[0], game.score
    game.food = (head[0] + 1, head[1])
    game.step()
    assert game.score > score, "eating does not score"
    food = tuple(game.food)
    assert food not in cells(game) and 0 <= food[0] < 20 and 0 <= food[1] < 20, "new food lies on no free cell"
    far(game)
    game.step()
    assert len(cells(game)) == 3 + fed and not game.over, "eating does not let the snake grow by one"
for way in ("down", "left", "up"):
    assert not game.over, "a game ends without a reason"
    game.turn(way)
    game.step()
assert game.over, "biting its own body does not end the game"

for way in ("right", "up", "down"):
    game = snake.Game(width=12, height=8)
    game.turn(way)
    for _ in range(14):
        far(game)
        game.step()
        if game.over:
            break
        assert all(0 <= cx < 12 and 0 <= cy < 8 for cx, cy in cells(game)), "the snake leaves the field"
    assert game.over, "a wall does not end the game"
print("the rules hold")
'''


def check(query, answer):
    try:
        with open("snake.py", encoding="utf-8", errors="replace") as f:
            source = f.read().lower()
    except OSError as problem:
        raise AssertionError(f"snake.py cannot be read: {problem}") from None
    try:
        played = subprocess.run([sys.executable, "-c", PLAY], stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=15)
    except subprocess.TimeoutExpired:
        raise AssertionError("snake.py does not come to an end when its rules are tested") from None
    said = played.stdout.strip().splitlines()
    complaint = (played.stderr.strip().splitlines() or ["it ended without a word"])[-1]
    assert played.returncode == 0 and said and said[-1] == "the rules hold", f"snake.py: {complaint[:300]}"
    assert any(way in source for way in ("curses", "tkinter", "pygame", "turtle", "termios", "msvcrt", "arcade", "pyglet")), "snake.py reads no keyboard"
    assert answer.strip(), "the answer is empty"
