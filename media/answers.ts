/** What the user has picked for one question of an ask. */
export interface Choice {
  readonly labels: readonly string[];
  /** An answer in the user's own words. */
  readonly custom: string;
}

export const emptyChoice: Choice = { labels: [], custom: '' };

/** Picks a label, or takes it back where several can be picked. A single pick replaces the user's own words. */
export function toggle(choice: Choice, label: string, multiple: boolean): Choice {
  if (!multiple) return { labels: [label], custom: '' };
  const labels = choice.labels.includes(label)
    ? choice.labels.filter((each) => each !== label)
    : [...choice.labels, label];
  return { ...choice, labels };
}

/** The answers to send: picked labels, then the user's own words. */
export function answersOf(choice: Choice): string[] {
  const custom = choice.custom.trim();
  return custom === '' ? [...choice.labels] : [...choice.labels, custom];
}

export function isComplete(choice: Choice): boolean {
  return answersOf(choice).length > 0;
}
