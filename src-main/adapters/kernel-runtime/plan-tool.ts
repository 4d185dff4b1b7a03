import type { ActivityBody } from '../../contract/activity.ts'
import type { Tool } from '../../harness/core/tool.ts'

type Entry = Extract<ActivityBody, { kind: 'plan' }>['entries'][number]

function isEntry(value: unknown): value is Entry {
  return typeof value === 'object' && value !== null && 'text' in value && 'status' in value
}

/** Lets the agent show what it means to do; people see it beside the activities. */
export function planTool(show: (entries: Entry[]) => void): Tool {
  return {
    name: 'update_plan',
    description: 'Shows your plan to the person. Give all entries each time; at most one is in progress.',
    effects: 'read',
    schema: {
      type: 'object',
      required: ['entries'],
      properties: {
        entries: {
          type: 'array',
          maxItems: 50,
          items: {
            type: 'object',
            required: ['text', 'status'],
            properties: {
              text: { type: 'string', minLength: 1, maxLength: 500 },
              status: { type: 'string', enum: ['pending', 'in_progress', 'completed'] },
            },
          },
        },
      },
    },
    summarize: () => 'Update the plan',
    execute: async ({ entries }) => {
      show(Array.isArray(entries) ? entries.filter(isEntry) : [])
      return { text: 'The plan is shown.', isError: false }
    },
  }
}
