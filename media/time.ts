/** Times and amounts in words. All durations are in milliseconds; everything is pure. */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** `0:08`, `2:41`, `1:02:03`: for counters that run. */
export function formatClock(ms: number): string {
  const total = Math.max(0, Math.floor(ms / SECOND));
  const seconds = String(total % 60).padStart(2, '0');
  const minutes = Math.floor(total / 60) % 60;
  const hours = Math.floor(total / 3600);
  if (hours === 0) return `${minutes}:${seconds}`;
  return `${hours}:${String(minutes).padStart(2, '0')}:${seconds}`;
}

/** `0.3 s`, `12 s`, `2 min 5 s`, `1 h 4 min`: for what has ended. */
export function formatSpan(ms: number): string {
  const span = Math.max(0, ms);
  // One decimal up to 9.9 s: below that, rounding to a second hides what was fast.
  if (span < 9.95 * SECOND) return `${(span / SECOND).toFixed(1)} s`;
  if (span < MINUTE - SECOND / 2) return `${Math.round(span / SECOND)} s`;
  if (span < HOUR) {
    const seconds = Math.round(span / SECOND);
    const rest = seconds % 60;
    return rest === 0 ? `${seconds / 60} min` : `${Math.floor(seconds / 60)} min ${rest} s`;
  }
  const minutes = Math.round(span / MINUTE);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** A span that is still growing, in whole seconds so that it does not flicker. */
export function formatRunning(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / SECOND));
  return seconds < 60 ? `${seconds} s` : formatClock(ms);
}

/** `850 tokens`, `38k tokens`, `1.2M tokens`; empty for none. */
export function formatTokens(tokens: number): string {
  if (tokens <= 0) return '';
  if (tokens < 1000) return `${tokens} tokens`;
  if (tokens < 999_500) return `${Math.round(tokens / 1000)}k tokens`;
  return `${(tokens / 1_000_000).toFixed(1)}M tokens`;
}

/** `$0.12`; empty for nothing, `<$0.01` for less than a cent. */
export function formatCost(dollars: number): string {
  if (dollars <= 0) return '';
  return dollars < 0.01 ? '<$0.01' : `$${dollars.toFixed(2)}`;
}

/** `1 file`, `1,200 files`. */
export function count(amount: number, one: string, many = `${one}s`): string {
  return `${amount.toLocaleString('en')} ${amount === 1 ? one : many}`;
}
