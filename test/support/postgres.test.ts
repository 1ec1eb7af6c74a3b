import { Client } from 'pg';
import { ensureTemplate, testDatabase } from './postgres';

async function ask<T>(url: string, sql: string): Promise<T[]> {
  const client = new Client(url);
  await client.connect();
  try {
    return (await client.query(sql)).rows as T[];
  } finally {
    await client.end();
  }
}

describe('testDatabase', () => {
  it('gives each caller a database of its own', async () => {
    const [one, other] = await Promise.all([testDatabase(), testDatabase()]);
    await ask(one.url, 'create table thing (id int)');
    expect(await ask(other.url, `select to_regclass('thing') as thing`)).toEqual([{ thing: null }]);
    await Promise.all([one.drop(), other.drop()]);
    await expect(ask(one.url, 'select 1')).rejects.toThrow('does not exist');
  });

  it('clones a template that is prepared once, however many ask at the same time', async () => {
    let prepared = 0;
    const prepare = async (url: string) => {
      prepared++;
      await ask(url, `create table seeded as select 'Zürich' as town`);
    };
    await Promise.all([ensureTemplate('towns', prepare), ensureTemplate('towns', prepare)]);
    const databases = await Promise.all([testDatabase({ template: 'towns' }), testDatabase({ template: 'towns' })]);
    for (const { url, drop } of databases) {
      expect(await ask(url, 'select lower(town) as town from seeded')).toEqual([{ town: 'zürich' }]);
      await drop();
    }
    expect(prepared).toBe(1);
  });

  it('never clones a template whose preparation failed', async () => {
    const failing = () => Promise.reject(new Error('no'));
    await expect(ensureTemplate('broken', failing)).rejects.toThrow('no');
    await expect(testDatabase({ template: 'broken' })).rejects.toThrow('does not exist');
  });
});
