import type { Admission } from '@gatehouse/admission/admission';
import { admissionContext } from '@gatehouse/admission/context';
import type { Service } from '@gatehouse/service/run';
import { droidApi } from './api';

/** The pretixdroid API for scanners that are no longer updated: contract §3. */
export const legacyDroid: Service<Admission> = {
  name: 'legacy-droid',
  context: admissionContext,
  mount: (admission, { config, log }) => ({ hot: [droidApi(admission, { publicUrl: config.publicUrl, log })] }),
};
