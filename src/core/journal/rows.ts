/** Rows that are made in one go. */
import type { Row } from '../protocol.ts';
import { coverageText } from '../review/coverage.ts';
import type { ReviewScope } from '../review/finding.ts';
import type { RecordOf } from './record.ts';

export function findingsRow(record: RecordOf<'findings'>, scope: ReviewScope | undefined): Row {
  return {
    kind: 'findings',
    id: 'findings',
    findings: record.findings.map(({ id, severity, confidence, title, body, file, range, suggestion }) => ({
      id,
      severity,
      confidence,
      title,
      body,
      file,
      ...(range === undefined ? {} : { line: range.start }),
      ...(suggestion === undefined ? {} : { suggestion }),
    })),
    coverage: scope === undefined ? '' : coverageText(scope, record),
    skipped: scope?.skipped ?? [],
  };
}

/** A row that showed something under way, once nothing is any more. */
export function closedRow(row: Row): Row {
  switch (row.kind) {
    case 'text':
    case 'thinking':
      return { ...row, done: true };
    case 'tool':
      return { ...row, status: 'unknown' };
    case 'permission':
    case 'question':
      return { ...row, state: 'gone' };
    default:
      return row;
  }
}
