/**
 * Recorded frames of one real turn (opencode 1.18.33: reasoning, text, reading, searching, a command, a to-do
 * list), told again and again with ids of their own, as one endless session.
 */
import * as fs from 'node:fs';

export const SESSION_ID = 'ses_bench';
export const USER_MESSAGE_ID = 'msg_bench';
export const DIRECTORY = '/workspace';

/** @param file the recording, one frame's data a line */
export function turnsOf(file: string): { framesPerTurn: number; turn(index: number): string } {
  const lines = fs.readFileSync(file, 'utf8').trimEnd().split('\n');
  const user = /"id":"(msg_\w+)","role":"user"/;
  const userId = lines.map((line) => user.exec(line)?.[1]).find((id) => id !== undefined);
  const session = /ses_\w+/.exec(lines[0] ?? '')?.[0];
  if (userId === undefined || session === undefined) throw new Error(`${file} holds no turn`);
  const frames = lines.map((line) => `data: ${line}\n\n`);
  // An idle would end the turn; here it goes on.
  const kept = frames.filter(
    (frame) => !frame.includes('"type":"idle"') && !frame.includes('"session.idle"'),
  );
  const template = kept.join('').replaceAll(session, SESSION_ID).replaceAll(userId, USER_MESSAGE_ID);
  const pieces = template.split(/(?<=(?:msg|prt)_)(?!bench)/);
  return {
    framesPerTurn: kept.length,
    turn: (index) => pieces.join(`${index}x`),
  };
}
