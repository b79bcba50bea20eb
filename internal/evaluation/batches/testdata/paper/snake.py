"""Snake for the terminal."""
import random


class Game:
    WAYS = {"up": (0, -1), "down": (0, 1), "left": (-1, 0), "right": (1, 0)}

    def __init__(self, width=20, height=20):
        self.width, self.height = width, height
        x, y = width // 2, height // 2
        self.snake = [(x, y), (x - 1, y), (x - 2, y)]
        self.way = (1, 0)
        self.score, self.over = 0, False
        self.feed()

    def feed(self):
        free = [(x, y) for x in range(self.width) for y in range(self.height) if (x, y) not in self.snake]
        self.food = random.choice(free)

    def turn(self, direction):
        dx, dy = self.WAYS[direction]
        if (-dx, -dy) != self.way:
            self.way = dx, dy

    def step(self):
        if self.over:
            return
        x, y = self.snake[0][0] + self.way[0], self.snake[0][1] + self.way[1]
        eats = (x, y) == tuple(self.food)
        body = self.snake if eats else self.snake[:-1]
        if not (0 <= x < self.width and 0 <= y < self.height) or (x, y) in body:
            self.over = True
            return
        self.snake = [(x, y)] + body
        if eats:
            self.score += 10
            self.feed()


def play(screen):
    import curses

    keys = {curses.KEY_UP: "up", curses.KEY_DOWN: "down", curses.KEY_LEFT: "left", curses.KEY_RIGHT: "right"}
    game = Game()
    screen.timeout(150)
    while not game.over:
        key = screen.getch()
        if key in keys:
            game.turn(keys[key])
        game.step()
        screen.erase()
        for x, y in game.snake:
            screen.addstr(y, x, "#")
        screen.addstr(game.food[1], game.food[0], "*")
        screen.addstr(game.height, 0, f"score {game.score}")


if __name__ == "__main__":
    import curses

    curses.wrapper(play)
