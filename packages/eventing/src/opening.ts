/**
 * Opens several things, each of which may fail. After a failure everything already opened is closed in reverse order, and
 * the failure is thrown.
 */
export async function opening<T>(open: (opened: (close: () => unknown) => void) => Promise<T>): Promise<T> {
  const closes: (() => unknown)[] = [];
  try {
    return await open((close) => void closes.push(close));
  } catch (error) {
    // Errors of closing are ignored, so that the first failure is reported.
    for (let close = closes.pop(); close; close = closes.pop()) await Promise.resolve(close()).catch(() => undefined);
    throw error;
  }
}
