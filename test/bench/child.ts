import { fork, type ChildProcess } from 'node:child_process';
import path from 'node:path';

const OPTIONS = 'GATEHOUSE_BENCH_OPTIONS';

/** A child process of the bench. */
export type Child = {
  readonly pid: number;
  /** Sends a task and waits for its answer; one task at a time. */
  ask<Answer>(task: unknown): Promise<Answer>;
  stop(): Promise<void>;
};

/** A server in a process of its own. */
export type Server = Child & { readonly port: number };

/** As in the start scripts: a scan outlives many small collections, and network buffers trigger no large ones. */
const NODE_FLAGS = ['--max-semi-space-size=64', '--initial-old-space-size=256'];

/**
 * Starts `file` of this folder. `options` are passed in the environment: they may contain a password, and arguments are
 * visible to all users.
 */
export function startChild(file: string, options: unknown, nodeFlags: readonly string[] = []): Child {
  const child = fork(path.join(__dirname, `${file}.js`), [], {
    execArgv: [...NODE_FLAGS, ...nodeFlags],
    env: { ...process.env, [OPTIONS]: JSON.stringify(options) },
  });
  let ended = false;
  let how = '';
  const end = new Promise<void>((resolve) => {
    child.once('exit', (code, signal) => {
      ended = true;
      how = signal ?? `exit code ${code}`;
      resolve();
    });
  });
  return {
    pid: child.pid!,
    ask<Answer>(task: unknown) {
      return new Promise<Answer>((resolve, reject) => {
        const gone = () => reject(new Error(`${file} has ended (${how})`));
        child.once('exit', gone);
        child.once('message', (answer) => {
          child.off('exit', gone);
          const { failed } = answer as { failed?: string };
          if (failed === undefined) resolve(answer as Answer);
          else reject(new Error(`${file}: ${failed}`));
        });
        if (ended) gone();
        else child.send(task as NonNullable<Parameters<ChildProcess['send']>[0]>);
      });
    },
    async stop() {
      if (!ended) child.disconnect();
      await end;
    },
  };
}

/** Starts a server and waits until its port is open. */
export async function startServer(file: string, options: unknown, nodeFlags?: readonly string[]): Promise<Server> {
  const child = startChild(file, options, nodeFlags);
  const { port } = await child.ask<{ port: number }>('port');
  return { ...child, port };
}

/** In the child: the options from the parent. */
export const optionsOf = <Options>(): Options => JSON.parse(process.env[OPTIONS]!) as Options;

/** In the child: answers the parent's tasks until the parent ends; then `close` ends what would keep the process alive. */
export function answerParent(answer: (task: never) => Promise<object>, close?: () => Promise<void>): void {
  process.on('message', (task) => {
    answer(task as never).then(
      (answered) => process.send!(answered),
      (error: unknown) => process.send!({ failed: error instanceof Error ? error.stack : String(error) }),
    );
  });
  process.once('disconnect', () => {
    void Promise.resolve(close?.()).finally(() => process.exit(0));
  });
}
