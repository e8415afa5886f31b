// The suite imports `globSync` of `fs`, which Node has from version 22 on, for a command that is not
// used here. With `node --import` this makes it load under Node 20 as well.
import { register } from 'node:module'

const fs = `
  export * from 'node:fs'
  export const globSync = () => { throw new Error('globSync is not there') }
`
const hooks = `
  export async function resolve(specifier, context, next) {
    if (specifier === 'fs' && context.parentURL?.includes('/node_modules/conformance-')) {
      return { url: 'data:text/javascript,' + encodeURIComponent(${JSON.stringify(fs)}), shortCircuit: true }
    }
    return next(specifier, context)
  }
`
register('data:text/javascript,' + encodeURIComponent(hooks))
