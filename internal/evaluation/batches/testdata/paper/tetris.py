"""Tetris for the terminal."""
import random


class Game:
    PIECES = [
        [(0, 0), (0, 1), (0, 2), (0, 3)], [(0, 0), (0, 1), (1, 0), (1, 1)], [(0, 1), (1, 0), (1, 1), (1, 2)], [(0, 1), (0, 2), (1, 0), (1, 1)],
        [(0, 0), (0, 1), (1, 1), (1, 2)], [(0, 0), (1, 0), (1, 1), (1, 2)], [(0, 2), (1, 0), (1, 1), (1, 2)],
    ]

    def __init__(self):
        self.board = [[0] * 10 for _ in range(20)]
        self.score, self.over = 0, False
        self.appear()

    def appear(self):
        self.piece = [(r, c + 3) for r, c in random.choice(self.PIECES)]
        self.over = not self.free(self.piece)

    def free(self, cells):
        return all(0 <= r < 20 and 0 <= c < 10 and not self.board[r][c] for r, c in cells)

    def place(self, cells):
        if self.over or not self.free(cells):
            return False
        self.piece = cells
        return True

    def move(self, dx):
        return self.place([(r, c + dx) for r, c in self.piece])

    def rotate(self):
        r0, c0 = self.piece[1]
        return self.place([(r0 + c - c0, c0 - r + r0) for r, c in self.piece])

    def step(self):
        if not self.over and not self.place([(r + 1, c) for r, c in self.piece]):
            self.lay()
            return False
        return not self.over

    def drop(self):
        while self.step():
            pass

    def lay(self):
        for r, c in self.piece:
            self.board[r][c] = 1
        kept = [row for row in self.board if not all(row)]
        cleared = 20 - len(kept)
        self.board = [[0] * 10 for _ in range(cleared)] + kept
        self.score += (0, 100, 300, 500, 800)[cleared]
        self.appear()


def play(screen):
    import curses

    game = Game()
    acts = {curses.KEY_LEFT: lambda: game.move(-1), curses.KEY_RIGHT: lambda: game.move(1), curses.KEY_UP: game.rotate, curses.KEY_DOWN: game.step, ord(" "): game.drop}
    screen.timeout(400)
    while not game.over:
        acts.get(screen.getch(), game.step)()
        screen.erase()
        for r, row in enumerate(game.board):
            screen.addstr(r, 0, "".join("#" if cell or (r, c) in game.piece else "." for c, cell in enumerate(row)))
        screen.addstr(20, 0, f"score {game.score}")


if __name__ == "__main__":
    import curses

    curses.wrapper(play)
