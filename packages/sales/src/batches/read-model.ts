import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ReadModel } from '@gatehouse/eventing/read-model';
import { projectBatches } from './project';

const sqlOf = (file: string): string => readFileSync(join(__dirname, '..', '..', 'sql', file), 'utf8');

/** Read model `batches`: batches of offline tickets with their tickets, from the context's own history. */
export const batchesModel: ReadModel = {
  name: 'batches',
  version: 1,
  sql: sqlOf('batches.read-model.sql'),
  indexes: sqlOf('batches.read-model-indexes.sql'),
  tables: [
    { name: 'batches', key: 'job', columns: '*' },
    { name: 'batch_tickets', key: 'job, first', columns: '*' },
  ],
  handles: { sales: projectBatches },
};
