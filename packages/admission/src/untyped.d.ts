/** Its own types are those of an ES module, which cannot be required; this is what is used here. */
declare module 'json-logic-engine' {
  type Operator = unknown;
  export const defaultMethods: Readonly<Record<'and' | 'or' | '==' | '!=' | '<' | '<=' | '>' | '>=' | 'var', Operator>>;
  export class LogicEngine {
    constructor(
      methods: Readonly<Record<string, Operator>>,
      options: { readonly disableInterpretedOptimization: boolean },
    );
    /** `method` gets the operator's values and the data of the run. */
    addMethod<A, D>(name: string, method: (args: A, data: D) => unknown): void;
    /** The value of a rule. Throws what a method throws. */
    run(rule: unknown, data: object): unknown;
  }
}
