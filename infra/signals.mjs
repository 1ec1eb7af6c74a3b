/** Ctrl-C comes twice under npm: the terminal sends it to everybody, and npm passes it on. The echo must not count as "now, at once". */
export function ignoreRepeatedSignals() {
  const echoMs = 500;
  const heard = new Map();
  const emit = process.emit;
  process.emit = function (name, ...rest) {
    if (name === 'SIGINT' || name === 'SIGTERM') {
      const before = heard.get(name) ?? -Infinity;
      heard.set(name, performance.now());
      if (performance.now() - before < echoMs) return true;
    }
    return emit.call(this, name, ...rest);
  };
}
