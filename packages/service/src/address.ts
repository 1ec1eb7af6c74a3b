/** The URL at which this machine reaches a server that listens on `host`. */
export function urlOf(host: string, port: number): string {
  if (isEverywhere(host)) return `http://127.0.0.1:${port}`;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Whether a HOST means every address of the machine. */
export const isEverywhere = (host: string): boolean => /^(0\.0\.0\.0|::|(0{1,4}:){7}0{1,4})$/.test(host);
