import { createElement } from 'react'
import { renderToStaticMarkup } from 'react-dom/server'
import { expect, it } from 'vitest'
import { Bar } from './Budget.tsx'
import { Foreign, ForeignBlock, PathName } from './Foreign.tsx'
import { Lamp } from './Lamp.tsx'

const hostile = '<img src=x onerror=alert(1)>\u202etxt.exe'

it('draws what an agent wrote as text, never as markup', () => {
  const drawn = [
    renderToStaticMarkup(createElement(Foreign, { text: hostile })),
    renderToStaticMarkup(createElement(ForeignBlock, { text: hostile })),
    renderToStaticMarkup(createElement(PathName, { path: hostile })),
  ]
  for (const markup of drawn) {
    expect(markup).not.toContain('<img')
    expect(markup).toContain('&lt;img')
    expect(markup).toContain('⟦RLO⟧')
  }
})

it('never lets a lamp speak by colour alone, nor a bar by length', () => {
  expect(
    renderToStaticMarkup(createElement(Lamp, { tone: 'danger', shape: 'square', label: 'failed' })),
  ).toContain('aria-label="failed"')
  expect(renderToStaticMarkup(createElement(Bar, { share: 0.5, label: 'Money' }))).toContain('Money: 50 %')
  expect(renderToStaticMarkup(createElement(Bar, { share: null, label: 'Money' }))).toContain(
    'no limit or not known',
  )
})
