/** The tools of the fake engine: what they do to the world, and what of that outlives their server. */
import { innerPlan } from './model.ts';
import type { StoredMessage, StoredTool } from './store.ts';
import { Rejected } from './ends.ts';
import type { TurnLoop } from './turn-loop.ts';

/** Runs a call to its end. Rejects as the loop's waits do. */
export async function runTool(loop: TurnLoop, part: StoredTool): Promise<void> {
  const { world } = loop.server;
  await loop.sleep(world.between(5, 40));
  const input = world.inputs.get(part) ?? {};
  switch (part.tool) {
    case 'bash':
      await ask(loop, part, input);
      return runCommand(loop, part, input);
    case 'task':
      return delegate(loop, part, input);
    case 'acme_deploy': {
      // A tool that nobody knows may ask in the middle of its work.
      const asksFirst = world.chance(0.5);
      if (asksFirst) await ask(loop, part, input);
      begin(loop, part, input);
      await loop.sleep(world.between(20, 200));
      world.write(String(input['key']));
      loop.server.moment('line');
      if (!asksFirst) await ask(loop, part, input);
      await loop.sleep(world.between(5, 100));
      return end(loop, part, 'deployed');
    }
    default:
      begin(loop, part, input);
      await loop.sleep(world.between(10, 100));
      return end(loop, part, 'content');
  }
}

/** The ask can come before the call is told as running (3.2). */
async function ask(loop: TurnLoop, part: StoredTool, input: Record<string, unknown>): Promise<void> {
  const { server } = loop;
  const { world } = server;
  const id = world.store.newId('per');
  const isLate = part.state.status === 'pending' && world.chance(0.5);
  if (!isLate && part.state.status === 'pending') begin(loop, part, input);
  const { command } = input;
  const what = typeof command === 'string' ? command : part.tool;
  const wire = {
    id,
    sessionID: part.sessionID,
    permission: part.tool,
    patterns: [what],
    always: ['*'],
    tool: { messageID: part.messageID, callID: part.callID },
  };
  const reply = await loop.wait<string>((resolve) => {
    server.asks.set(id, { ask: wire, reply: resolve });
    server.emit('permission.asked', wire);
    if (isLate) begin(loop, part, input);
    server.moment('ask');
  });
  if (reply !== 'reject') return;
  const now = world.time.now();
  part.state = {
    status: 'error',
    input,
    error: 'The user rejected permission to use this specific tool call.',
    time: { start: part.state.time?.start ?? now, end: now },
  };
  server.emitPart(part);
  throw new Rejected();
}

/** A process of its own, in its own group: it survives any death of the server (0.6). */
async function runCommand(loop: TurnLoop, part: StoredTool, input: Record<string, unknown>): Promise<void> {
  const { server } = loop;
  const child = server.world.spawnCommand(server.pid, String(input['key']));
  begin(loop, part, input, { output: '' });
  await loop.wait<void>(
    (resolve) => {
      child.onExit = () => server.after(1, () => resolve());
    },
    () => child.kill(),
  );
  end(loop, part, 'written');
}

async function delegate(loop: TurnLoop, part: StoredTool, input: Record<string, unknown>): Promise<void> {
  const { server } = loop;
  const { world } = server;
  const session = world.store.add(String(input['description']), world.time.now(), loop.session.id);
  server.emitSession('session.created', session);
  begin(loop, part, input, { sessionId: session.id });
  const id = world.store.newId('msg');
  const prompt: StoredMessage = {
    info: { id, role: 'user', sessionID: session.id, time: { created: world.time.now() } },
    parts: [
      {
        id: world.store.newId('prt'),
        sessionID: session.id,
        messageID: id,
        type: 'text',
        text: String(input['prompt']),
      },
    ],
  };
  session.messages.push(prompt);
  server.emitMessage(prompt);
  for (const one of prompt.parts) server.emitPart(one);
  const result = await loop.delegate(session, innerPlan(input));
  end(loop, part, result === 'done' ? 'looked' : 'refused');
}

function begin(
  loop: TurnLoop,
  part: StoredTool,
  input: Record<string, unknown>,
  metadata?: Record<string, unknown>,
): void {
  if (part.state.status === 'running' && metadata === undefined) return;
  part.state = {
    status: 'running',
    input,
    time: { start: part.state.time?.start ?? loop.server.world.time.now() },
    ...(metadata === undefined ? {} : { metadata }),
  };
  loop.server.emitPart(part);
  loop.server.moment('tool:running');
}

function end(loop: TurnLoop, part: StoredTool, output: string): void {
  const { input, metadata, time } = part.state;
  const now = loop.server.world.time.now();
  part.state = {
    status: 'completed',
    input,
    output,
    metadata: { ...metadata, output },
    time: { start: time?.start ?? now, end: now },
  };
  loop.server.emitPart(part);
  loop.server.moment('tool:done');
}
