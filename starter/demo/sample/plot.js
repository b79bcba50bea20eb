// Draws the daily means on a canvas.
export function plot(canvas, means) {
  const context = canvas.getContext("2d");
  means.forEach((value, i) => context.fillRect(10 * i, canvas.height - value, 8, value));
}
