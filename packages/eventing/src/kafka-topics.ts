import { setTimeout as sleep } from 'node:timers/promises';
import { contextRow, type Audience, type Context, type ContextRow } from '@gatehouse/events/contexts';
import { ConfigResourceTypes, type Admin } from 'kafkajs';

/** What a topic has to be like (design §8). */
export type TopicPlan = {
  readonly topic: string;
  /** Chosen once: more of them would change where a subject's events go, and break their order. */
  readonly partitions: number;
  readonly replicationFactor: number;
  readonly minInsyncReplicas: number;
};

/** A topic of a context, and who reads it. */
export type ContextTopic = { readonly topic: string; readonly audience: Audience; readonly partitions: number };

const PREFIX = 'gatehouse';

/**
 * The topics of a context. Each is named after it; an internal topic that stands beside a public one says so in its name.
 * `prefix` separates installations that share a cluster.
 */
export function topicsOf(
  context: Context,
  prefix = PREFIX,
  { topics }: Pick<ContextRow, 'topics'> = contextRow(context),
): ContextTopic[] {
  return topics.map(({ audience, partitions }) => ({
    topic: `${prefix}.${context}${audience === 'internal' && topics.length > 1 ? '.internal' : ''}`,
    audience,
    partitions,
  }));
}

/** The topic from which other contexts read a context: the internal one where there is one, since it holds whole events. */
export function followedTopic(context: Context, prefix = PREFIX): string {
  const topics = topicsOf(context, prefix);
  return (topics.find(({ audience }) => audience === 'internal') ?? topics[0]!).topic;
}

/** What the topics of a context have to be like. */
export const topicPlans = (
  context: Context,
  settings: { prefix?: string; replicationFactor: number; minInsyncReplicas: number },
): TopicPlan[] =>
  topicsOf(context, settings.prefix).map(({ topic, partitions }) => ({
    topic,
    partitions,
    replicationFactor: settings.replicationFactor,
    minInsyncReplicas: settings.minInsyncReplicas,
  }));

/**
 * Carries the topic's generation: it says nothing to a topic that is not compacted, it is read by one cheap request, and it is
 * gone with the topic. Milliseconds at which the topic command saw the topic for the first time.
 */
const GENERATION = 'min.compaction.lag.ms';
const MAX_MESSAGE_BYTES = 8 * 1024 * 1024;

/** A setting that differs: raised by `applyTopic`, or left and only reported, since nothing is lowered and partitions never change. */
export type Drift = {
  readonly setting: string;
  readonly found: string;
  readonly wanted: string;
  readonly mended: boolean;
};
export type Applied = { readonly topic: string; readonly created: boolean; readonly drift: readonly Drift[] };

/** Makes the topic or checks it: what is too low is raised and shown, nothing is lowered, the partition count never changed. */
export async function applyTopic(admin: Admin, plan: TopicPlan): Promise<Applied> {
  const { topic, partitions, replicationFactor } = plan;
  const wanted = settingsOf(plan);
  const generation = { name: GENERATION, value: String(Date.now()) };
  const created = await admin.createTopics({
    // kafkajs gives up waiting when a broker does not know the topic yet; see untilLed.
    waitForLeaders: false,
    topics: [
      {
        topic,
        numPartitions: partitions,
        replicationFactor,
        configEntries: [...wanted.map(({ name, value }) => ({ name, value })), generation],
      },
    ],
  });
  if (created) {
    await untilLed(admin, topic);
    return { topic, created, drift: [] };
  }

  const present = await settingsNow(admin, topic);
  const drift = await layoutDrift(admin, plan);
  const changed = new Map(present.own);
  if (!changed.has(GENERATION)) changed.set(GENERATION, generation.value);
  for (const { name, value, isEnough } of wanted) {
    const found = present.all.get(name) ?? '';
    if (found === value) continue;
    const mended = !isEnough(found);
    if (mended) changed.set(name, value);
    drift.push({ setting: name, found, wanted: value, mended });
  }
  if ([...changed].some(([name, value]) => present.own.get(name) !== value)) {
    // Kafka replaces all settings of a topic by those that are sent.
    const configEntries = [...changed].map(([name, value]) => ({ name, value }));
    await admin.alterConfigs({
      validateOnly: false,
      resources: [{ type: ConfigResourceTypes.TOPIC, name: topic, configEntries }],
    });
    await untilSet(admin, topic, changed);
  }
  return { topic, created, drift };
}

type Setting = { readonly name: string; readonly value: string; isEnough(found: string): boolean };

function settingsOf({ minInsyncReplicas }: TopicPlan): Setting[] {
  const atLeast = (value: number) => ({ value: String(value), isEnough: (found: string) => Number(found) >= value });
  return [
    // For ever, and not compacted: a late duplicate of an old fact would survive compaction as the newest.
    { name: 'cleanup.policy', value: 'delete', isEnough: () => false },
    { name: 'retention.ms', value: '-1', isEnough: () => false },
    { name: 'retention.bytes', value: '-1', isEnough: () => false },
    { name: 'max.message.bytes', ...atLeast(MAX_MESSAGE_BYTES) },
    { name: 'min.insync.replicas', ...atLeast(minInsyncReplicas) },
    { name: 'unclean.leader.election.enable', value: 'false', isEnough: () => false },
  ];
}

async function layoutDrift(admin: Admin, plan: TopicPlan): Promise<Drift[]> {
  const { topics } = await admin.fetchTopicMetadata({ topics: [plan.topic] });
  const partitions = topics[0]!.partitions;
  const replicas = Math.min(...partitions.map((each) => each.replicas.length));
  const reported = (setting: string, found: number, wanted: number): Drift[] =>
    found === wanted ? [] : [{ setting, found: String(found), wanted: String(wanted), mended: false }];
  return [
    ...reported('partitions', partitions.length, plan.partitions),
    ...reported('replication factor', replicas, plan.replicationFactor),
  ];
}

/** DYNAMIC_TOPIC_CONFIG: set for this very topic. */
const OF_THE_TOPIC = 1;

async function settingsNow(
  admin: Admin,
  topic: string,
): Promise<{ own: Map<string, string>; all: Map<string, string> }> {
  const described = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: ConfigResourceTypes.TOPIC, name: topic }],
  });
  const entries = described.resources[0]!.configEntries;
  const pairs = (some: typeof entries) => new Map(some.map((each) => [each.configName, each.configValue]));
  return { all: pairs(entries), own: pairs(entries.filter((each) => Number(each.configSource) === OF_THE_TOPIC)) };
}

/** Brokers hear of a change a moment after it is made. */
async function untilSet(admin: Admin, topic: string, wanted: ReadonlyMap<string, string>): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const { own } = await settingsNow(admin, topic);
    if ([...wanted].every(([name, value]) => own.get(name) === value)) return;
    await sleep(50);
  }
  throw new Error(`${topic} was changed, but its brokers do not show it`);
}

/** A broker leads a new topic's partitions a moment after the cluster has said so. */
async function untilLed(admin: Admin, topic: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await admin.fetchTopicOffsets(topic);
      return;
    } catch (error) {
      if (tries === 100) throw error;
      await sleep(50);
    }
  }
}

/** A topic as it is now. */
export type Incarnation = {
  readonly cluster: string;
  /** 0: no topic command has seen it. */
  readonly generation: string;
  /** Of each partition the first offset that is kept and the offset after the last event. */
  readonly lows: readonly bigint[];
  readonly ends: readonly bigint[];
};

/** Looks at a topic; null when there is none. */
export async function incarnationOf(admin: Admin, topic: string): Promise<Incarnation | null> {
  const { clusterId: cluster } = await admin.describeCluster();
  if (!(await admin.listTopics()).includes(topic)) return null;
  const described = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: ConfigResourceTypes.TOPIC, name: topic, configNames: [GENERATION] }],
  });
  const generation = described.resources[0]!.configEntries[0]?.configValue ?? '0';
  const offsets = (await admin.fetchTopicOffsets(topic)).sort((a, b) => a.partition - b.partition);
  return {
    cluster,
    generation,
    lows: offsets.map((each) => BigInt(each.low)),
    ends: offsets.map((each) => BigInt(each.high)),
  };
}
