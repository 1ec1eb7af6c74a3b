/** The roles of a process: `http` answers requests, `projections` fills read models, `relay` publishes to Kafka. */
export const ROLES = ['http', 'projections', 'relay'] as const;
export type Role = (typeof ROLES)[number];

/** A service: one folder of `services/`, started as separate processes. */
export type ServiceRow = {
  /** Its folder, and its name in `npm run start:…`. */
  readonly name: string;
  /** Its paths behind the gateway; absent if it serves no requests. */
  readonly requests?: ServedRequests;
  /** Its processes in the split system (`start:distributed`, docker-compose.yml), in the order in which they start. */
  readonly processes: readonly ServiceProcess[];
};

/** Without `roles` a process has all of them. */
export type ServiceProcess = { readonly name: string; readonly roles?: readonly Role[] };

export type ServedRequests = {
  /**
   * Its paths, as patterns of `PathTable`: `pretixdroid/*` is that path and all below it. The longest matching pattern of
   * all services wins; `*` matches every other path.
   */
  readonly paths: readonly string[];
  /** The gateway's setting with the URLs of its processes. */
  readonly setting: `${string}_URLS`;
  /** Whether it serves the REST API, and so stores replies for idempotency keys. */
  readonly isRest: boolean;
};

const ROWS = {
  reference: {
    name: 'reference',
    // What changes a device. What an app reads of itself (`device/info`, `device/eventselection`) is checkin's.
    requests: {
      paths: ['initialize', 'update', 'roll', 'revoke'].map((what) => `api/v1/device/${what}/*`),
      setting: 'REFERENCE_URLS',
      isRest: true,
    },
    processes: [{ name: 'reference' }],
  },
  checkin: {
    name: 'checkin',
    requests: { paths: ['*'], setting: 'CHECKIN_URLS', isRest: true },
    processes: [
      { name: 'projections', roles: ['projections', 'relay'] },
      { name: 'checkin-1', roles: ['http'] },
      { name: 'checkin-2', roles: ['http'] },
    ],
  },
  cart: {
    name: 'cart',
    requests: {
      paths: [
        'api/v1/organizers/:organizer/events/:event/cartpositions/*',
        'api/v1/organizers/:organizer/events/:event/quotas/*',
        'api/v1/upload/*',
      ],
      setting: 'CART_URLS',
      isRest: true,
    },
    processes: [
      { name: 'cart-projections', roles: ['projections', 'relay'] },
      { name: 'cart-1', roles: ['http'] },
      { name: 'cart-2', roles: ['http'] },
    ],
  },
  offlineSales: {
    name: 'offline-sales',
    requests: {
      paths: ['api/v1/organizers/:organizer/events/:event/offlinesalesbatches/*'],
      setting: 'OFFLINE_SALES_URLS',
      isRest: true,
    },
    processes: [
      { name: 'offline-sales-projections', roles: ['projections', 'relay'] },
      { name: 'offline-sales', roles: ['http'] },
    ],
  },
  sync: {
    name: 'sync',
    requests: {
      paths: [
        'api/v1/organizers/:organizer/events',
        'api/v1/organizers/:organizer/subevents/*',
        'api/v1/organizers/:organizer/reusablemedia/*',
        'api/v1/organizers/:organizer/events/:event',
        ...[
          ...['settings', 'subevents', 'categories', 'items', 'questions', 'badgelayouts', 'badgeitems'],
          ...['revokedsecrets', 'blockedsecrets', 'orders'],
        ].map((what) => `api/v1/organizers/:organizer/events/:event/${what}/*`),
      ],
      setting: 'SYNC_URLS',
      isRest: true,
    },
    processes: [
      { name: 'sync-projections', roles: ['projections', 'relay'] },
      { name: 'sync', roles: ['http'] },
    ],
  },
  legacyDroid: {
    name: 'legacy-droid',
    requests: { paths: ['pretixdroid/*'], setting: 'LEGACY_DROID_URLS', isRest: false },
    processes: [{ name: 'legacy-droid', roles: ['http'] }],
  },
} as const satisfies Readonly<Record<string, ServiceRow>>;

type Rows = typeof ROWS;

/**
 * The list of services. The gateway routes by it, the settings of upstreams are derived from it, the launcher of the split
 * system starts its processes, and `npm run check` compares docker-compose.yml and Prometheus' targets with it.
 */
export const SERVICES: Readonly<Record<keyof Rows, ServiceRow>> = ROWS;

/** A service with requests, by its key in `SERVICES`. */
export type UpstreamService = {
  [Key in keyof Rows]: Rows[Key] extends { requests: ServedRequests } ? Key : never;
}[keyof Rows];
/** The name of the gateway's setting for its processes. */
export type UpstreamSetting = Rows[UpstreamService]['requests']['setting'];

/** The services with requests, and the settings of their upstreams. */
export const UPSTREAM_SETTINGS = Object.entries(SERVICES).flatMap(([key, { requests }]) =>
  requests ? [[key as UpstreamService, requests.setting as UpstreamSetting] as const] : [],
);

/** The processes of a service that answer requests. */
export const upstreamsIn = ({ requests, processes }: ServiceRow): readonly ServiceProcess[] =>
  requests ? processes.filter(({ roles = ROLES }) => roles.includes('http')) : [];
