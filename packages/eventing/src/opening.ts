/**
 * Opens what consists of several things, each of which may fail. What was opened before a failure is closed again, the last first;
 * then the failure is thrown.
 */
export async function opening<T>(open: (opened: (close: () => unknown) => void) => Promise<T>): Promise<T> {
  const closes: (() => unknown)[] = [];
  try {
    return await open((close) => void closes.push(close));
  } catch (error) {
    // The failure is what is reported, not what a half-open part says when it is closed.
    for (let close = closes.pop(); close; close = closes.pop()) await Promise.resolve(close()).catch(() => undefined);
    throw error;
  }
}
