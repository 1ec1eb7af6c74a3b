import { readFileSync } from 'node:fs';
import path from 'node:path';
import { cart } from '@gatehouse/cart/service';
import { checkin } from '@gatehouse/checkin/service';
import { offlineSales } from '@gatehouse/offline-sales/service';
import { reference } from '@gatehouse/reference-service/service';
import { backendsInTest } from '@gatehouse/test-support/backends';
import { festival, ITEMS, LISTS, OPENAIR, TICKETS, TOKENS } from '@gatehouse/test-support/festival';
import { describeWithKafka } from '@gatehouse/test-support/kafka';
import { startSystem } from '@gatehouse/test-support/system';

const INFRA = path.resolve(__dirname, '../../infra');
/** Names of metrics in a file for Prometheus or Grafana. */
const namesIn = (file: string) => new Set(readFileSync(path.join(INFRA, file), 'utf8').match(/gatehouse_[a-z_]+/g));

describeWithKafka('what dashboard and alerts name', () => {
  test('is in /metrics', async () => {
    const backends = await backendsInTest({ store: 'PostgreSQL', bus: 'Kafka' });
    const system = await startSystem([checkin, cart, offlineSales, reference], {
      ...backends.env,
      METRICS_PORT: '0',
    });
    try {
      const quota = { id: 1, name: 'Passes', size: 900, items: [ITEMS.pass], variations: [], subevent: null };
      await system.import({ ...festival(), 'demo/events/openair/quotas.json': [quota] });
      const target = `${OPENAIR}checkinlists/${LISTS.main}/positions/${TICKETS.ada.secret}/redeem/`;
      expect((await system.call('POST', target, { token: TOKENS.admin, json: {} })).status).toBe(201);
      const place = { item: ITEMS.pass, price: '9.00' };
      const reserve = () => system.call('POST', `${OPENAIR}cartpositions/`, { token: TOKENS.admin, json: place });
      expect((await reserve()).status).toBe(201);
      const exported = new Set(
        (await (await fetch(`http://127.0.0.1:${system.metricsPort}/metrics`)).text()).match(/^gatehouse_[a-z_]+/gm),
      );
      const [dashboard, alerts] = ['grafana/dashboards/gatehouse.json', 'prometheus/alerts.yml'].map(namesIn);
      expect(dashboard!.size).toBeGreaterThanOrEqual(7);
      expect(alerts!.size).toBeGreaterThanOrEqual(4);
      expect([...exported]).toEqual(expect.arrayContaining([...dashboard!, ...alerts!]));
    } finally {
      await system.close();
      await backends.close();
    }
  });
});
