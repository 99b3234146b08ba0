/** Compares the three numbers; a suffix (`-beta.1`) is left out of it. */
export function isOlder(version: string, minimum: string): boolean {
  const left = version.split('.', 3).map((part) => Number.parseInt(part, 10));
  const right = minimum.split('.', 3).map((part) => Number.parseInt(part, 10));
  for (let index = 0; index < right.length; index += 1) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
