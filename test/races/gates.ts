import { checkin } from '@gatehouse/checkin/service';
import { festival } from '@gatehouse/test-support/festival';
import { startSystem, type System } from '@gatehouse/test-support/system';
import { startGate, type GateProcess } from './gate-process';

/** The festival, imported, and so many check-in processes on its database, which a test may replace by others. */
export async function startGates(
  count: number,
): Promise<{ system: System; gates: GateProcess[]; close(): Promise<void> }> {
  const system = await startSystem([checkin]);
  await system.import(festival());
  const gates = await Promise.all(Array.from({ length: count }, () => startGate(system.databaseUrl)));
  const close = async () => {
    await Promise.all(gates.map((gate) => gate.kill()));
    await system.close();
  };
  return { system, gates, close };
}
