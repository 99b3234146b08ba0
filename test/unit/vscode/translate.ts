/** English as it stands in the source, with its arguments in place. */
export function t(message: string, ...args: (string | number)[]): string {
  return message.replace(/\{(\d)\}/g, (_whole, index: string) => String(args[Number(index)]));
}
