import type { Admission } from '@gatehouse/admission/admission';
import { admissionContext } from '@gatehouse/admission/context';
import { ticketFinder } from '@gatehouse/admission/tickets/find';
import type { Service } from '@gatehouse/service/run';
import { deviceRoutes } from './devices';
import { openTicketPrinter } from './ticket-printer';
import { downloadRoute } from './download';
import { failedCheckinsRoute } from './failed-checkins';
import { listRoutes } from './lists';
import { positionRoutes } from './positions';
import { redeemer } from './redeem';
import { redeemRoute } from './redeem-routes';
import { rpcRoutes } from './rpc-routes';
import { statusRoute } from './status';

/** Check-in lists and redeeming order positions over REST (contract §4, §5, §6), tickets as PDF, and what scanners read of themselves. */
export const checkin: Service<Admission> = {
  name: 'checkin',
  context: admissionContext,
  mount(admission, { config, log }) {
    const finder = ticketFinder(admission.pool);
    const at = { publicUrl: config.publicUrl, log };
    const redeem = redeemer(admission, finder);
    const printer = openTicketPrinter(log);
    return {
      routes: [
        ...deviceRoutes(admission, config.announcedVersion),
        ...listRoutes(admission),
        statusRoute(admission),
        failedCheckinsRoute(admission),
        ...positionRoutes(admission, finder),
        downloadRoute(admission, { finder, printer }),
        redeemRoute(admission, redeem, at),
        ...rpcRoutes(admission, finder, at),
      ],
      close: () => printer.close(),
    };
  },
};
