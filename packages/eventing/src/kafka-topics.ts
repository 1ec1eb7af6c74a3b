import { setTimeout as sleep } from 'node:timers/promises';
import { contextRow, type Audience, type Context, type ContextRow } from '@gatehouse/events/contexts';
import type { Admin } from 'kafkajs';
import { kafkajs } from './kafka-client';

/** The required properties of a topic (design §8). */
export type TopicPlan = {
  readonly topic: string;
  /** Fixed: changing it would move subjects to other partitions and break the order of their events. */
  readonly partitions: number;
  readonly replicationFactor: number;
  readonly minInsyncReplicas: number;
};

/** A topic of a context and its audience. */
export type ContextTopic = { readonly topic: string; readonly audience: Audience; readonly partitions: number };

const PREFIX = 'gatehouse';

/**
 * The topics of a context, named after it; an internal topic beside a public one has a suffix. `prefix` separates
 * installations that share a cluster.
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

/** The topic from which other contexts read: the internal one if there is one, since it holds whole events. */
export function followedTopic(context: Context, prefix = PREFIX): string {
  const topics = topicsOf(context, prefix);
  return (topics.find(({ audience }) => audience === 'internal') ?? topics[0]!).topic;
}

/** The required properties of a context's topics. */
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
 * A topic setting that carries its generation: the time in milliseconds at which the topic command first saw the topic.
 * This setting has no effect on a topic that is not compacted, is read with one cheap request, and is deleted with the
 * topic.
 */
const GENERATION = 'min.compaction.lag.ms';
const MAX_MESSAGE_BYTES = 8 * 1024 * 1024;

/**
 * A setting that differs from the plan: raised by `applyTopic`, or only reported, since nothing is lowered and partition
 * counts never change.
 */
export type Drift = {
  readonly setting: string;
  readonly found: string;
  readonly wanted: string;
  readonly mended: boolean;
};
export type Applied = { readonly topic: string; readonly created: boolean; readonly drift: readonly Drift[] };

/**
 * Creates the topic or checks it: settings that are too low are raised and reported, none is lowered, the partition count
 * never changes.
 */
export async function applyTopic(admin: Admin, plan: TopicPlan): Promise<Applied> {
  const { topic, partitions, replicationFactor } = plan;
  const wanted = settingsOf(plan);
  const generation = { name: GENERATION, value: String(Date.now()) };
  const created = await admin.createTopics({
    // kafkajs fails here when a broker does not have the topic yet; see untilLed.
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
    // Kafka replaces all settings of a topic by those in the request.
    const configEntries = [...changed].map(([name, value]) => ({ name, value }));
    await admin.alterConfigs({
      validateOnly: false,
      resources: [{ type: kafkajs().ConfigResourceTypes.TOPIC, name: topic, configEntries }],
    });
    await untilSet(admin, topic, changed);
  }
  return { topic, created, drift };
}

type Setting = { readonly name: string; readonly value: string; isEnough(found: string): boolean };

function settingsOf({ minInsyncReplicas }: TopicPlan): Setting[] {
  const atLeast = (value: number) => ({ value: String(value), isEnough: (found: string) => Number(found) >= value });
  return [
    // Unlimited retention without compaction: a late duplicate of an old fact would survive compaction as the newest.
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

/** Kafka's DYNAMIC_TOPIC_CONFIG: a value that is set for this topic. */
const OF_THE_TOPIC = 1;

async function settingsNow(
  admin: Admin,
  topic: string,
): Promise<{ own: Map<string, string>; all: Map<string, string> }> {
  const described = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: kafkajs().ConfigResourceTypes.TOPIC, name: topic }],
  });
  const entries = described.resources[0]!.configEntries;
  const pairs = (some: typeof entries) => new Map(some.map((each) => [each.configName, each.configValue]));
  return { all: pairs(entries), own: pairs(entries.filter((each) => Number(each.configSource) === OF_THE_TOPIC)) };
}

/** A change reaches the brokers only after a moment. */
async function untilSet(admin: Admin, topic: string, wanted: ReadonlyMap<string, string>): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const { own } = await settingsNow(admin, topic);
    if ([...wanted].every(([name, value]) => own.get(name) === value)) return;
    await sleep(50);
  }
  throw new Error(`${topic} was changed, but its brokers do not show it`);
}

/** Brokers become leaders of a new topic's partitions only after a moment. */
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

/** The current generation and offsets of a topic. */
export type Incarnation = {
  readonly cluster: string;
  /** 0: the topic command has never seen it. */
  readonly generation: string;
  /** For each partition the first retained offset and the offset after the last event. */
  readonly lows: readonly bigint[];
  readonly ends: readonly bigint[];
};

/** Reads a topic's current state; null when it does not exist. */
export async function incarnationOf(admin: Admin, topic: string): Promise<Incarnation | null> {
  const { clusterId: cluster } = await admin.describeCluster();
  if (!(await admin.listTopics()).includes(topic)) return null;
  const described = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: kafkajs().ConfigResourceTypes.TOPIC, name: topic, configNames: [GENERATION] }],
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
