import { referenceContext, type Reference } from '@gatehouse/reference/context';
import type { Service } from '@gatehouse/service/run';
import { deviceRoutes } from './devices';

/** Devices that set themselves up, and the relay of all that importer, commands and devices state. */
export const reference: Service<Reference> = {
  name: 'reference',
  context: referenceContext,
  mount: (reference) => ({ routes: deviceRoutes(reference) }),
};
