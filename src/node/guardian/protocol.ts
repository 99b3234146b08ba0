/**
 * What guardians and their clients say to each other: one JSON value a line.
 *
 *     client                               guardian
 *     ──────                               ────────
 *     order (stdin of a new guardian)  ──▶
 *                                      ◀── answer (its stdout)
 *     hello                            ──▶              on its socket, first of all
 *                                      ◀── prove        Linux: show that you are who you say
 *     proved                           ──▶
 *                                      ◀── welcome
 *     busy, tail, end, end-leftovers   ──▶
 *                                      ◀── ready, others, tail, exited, leftovers, ended
 *     (closes)                             goodbye
 *
 * A guardian and its client may be of different Holdfast versions after an update: fields may be added, never
 * changed; `PROTOCOL` says when that was not possible.
 */
import * as v from 'valibot';

/** Guardians of another protocol cannot be used. */
export const PROTOCOL = 1;

/** The mark in the environment of a server and of everything it starts: its value is the guardian's id. */
export const MARK_NAME = 'HOLDFAST_SERVER';

const GracesSchema = v.object({ busyMs: v.number(), idleMs: v.number() });
const StringRecord = v.record(v.string(), v.string());

/** What a new guardian is to do. Holds secrets: it travels by a pipe and is never written down. */
export const OrderSchema = v.object({
  id: v.string(),
  /** Whoever knows it may become a client. */
  token: v.string(),
  key: v.object({ name: v.string(), flavour: v.string() }),
  graces: GracesSchema,
  /** Absolute path: registry, log and working directories are in it. */
  storage: v.string(),
  workspace: v.string(),
  /** Who ordered it, for people. */
  owner: v.string(),
  spec: v.object({
    command: v.string(),
    args: v.array(v.string()),
    env: StringRecord,
    readyLine: v.object({ source: v.string(), flags: v.string() }),
    secrets: v.array(v.string()),
    label: v.string(),
    dispose: v.optional(v.object({ path: v.string(), headers: StringRecord })),
    handover: v.string(),
  }),
});
export type Order = v.InferOutput<typeof OrderSchema>;

export const AnswerSchema = v.variant('ok', [
  v.object({ ok: v.literal(true) }),
  /** `message` is a sentence. */
  v.object({ ok: v.literal(false), message: v.string() }),
]);
export type Answer = v.InferOutput<typeof AnswerSchema>;

export const ClientMessageSchema = v.variant('type', [
  v.object({
    type: v.literal('hello'),
    token: v.string(),
    /** Of the process that connects. */
    pid: v.number(),
    label: v.string(),
    graces: GracesSchema,
  }),
  v.object({ type: v.literal('proved') }),
  v.object({ type: v.literal('busy'), busy: v.boolean() }),
  v.object({ type: v.literal('tail') }),
  v.object({ type: v.literal('end') }),
  v.object({ type: v.literal('end-leftovers') }),
]);
export type ClientMessage = v.InferOutput<typeof ClientMessageSchema>;

const OthersSchema = v.object({ count: v.number(), busy: v.boolean() });
/** The match of the ready line: the whole and its groups, null for one that took no part. */
const MatchSchema = v.array(v.nullable(v.string()));

export const GuardianMessageSchema = v.variant('type', [
  /** Open the file for writing, keep it open, and say `proved`. */
  v.object({ type: v.literal('prove'), file: v.string() }),
  v.object({
    type: v.literal('welcome'),
    /** `ending`: its end was asked for; `over`: its process has ended by itself. Of no use any more, both of them. */
    phase: v.picklist(['holding', 'ending', 'over']),
    flavour: v.string(),
    handover: v.string(),
    /** Of the server. */
    pid: v.number(),
    others: OthersSchema,
    ready: v.optional(MatchSchema),
  }),
  v.object({ type: v.literal('ready'), match: MatchSchema }),
  v.object({ type: v.literal('others'), ...OthersSchema.entries }),
  v.object({ type: v.literal('tail'), text: v.string() }),
  v.object({
    type: v.literal('exited'),
    code: v.optional(v.number()),
    signal: v.optional(v.string()),
    tail: v.string(),
    /** A client, a grace or a signal to the guardian asked for it. */
    expected: v.boolean(),
  }),
  /** Those that were there when the server had ended, and whenever some of them were ended. */
  v.object({
    type: v.literal('leftovers'),
    leftovers: v.array(v.object({ pid: v.number(), command: v.string(), startedAt: v.number() })),
  }),
  v.object({ type: v.literal('ended'), result: v.picklist(['gone', 'alive']) }),
]);
export type GuardianMessage = v.InferOutput<typeof GuardianMessageSchema>;
export type Welcome = Extract<GuardianMessage, { type: 'welcome' }>;

/** @returns undefined for what is no such value. */
export function parseLine<S extends v.GenericSchema>(schema: S, line: string): v.InferOutput<S> | undefined {
  try {
    return v.parse(schema, JSON.parse(line));
  } catch {
    return undefined;
  }
}
