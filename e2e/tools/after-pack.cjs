// Called by electron-builder when the unpacked application lies in place, before anything is signed.
const { rm } = require('node:fs/promises')
const { join } = require('node:path')

/** Electron's welcome page has no business in the product, and the fuses are set here (docs/adr/0001-fuses.md). */
exports.default = async function afterPack(context) {
  const { flipFuses, FuseVersion, FuseV1Options } = await import('@electron/fuses')
  const { appOutDir, electronPlatformName, packager } = context
  const isMac = electronPlatformName === 'darwin'
  const name = packager.appInfo.productFilename
  const resources = isMac ? join(appOutDir, `${name}.app/Contents/Resources`) : join(appOutDir, 'resources')
  await rm(join(resources, 'default_app.asar'), { force: true })
  const executable = electronPlatformName === 'win32' ? `${name}.exe` : packager.executableName
  await flipFuses(join(appOutDir, isMac ? `${name}.app` : executable), {
    version: FuseVersion.V1,
    resetAdHocDarwinSignature: isMac,
    strictlyRequireAllFuses: false,
    // The shim, the command line and the daemon are the packaged program run as Node.
    [FuseV1Options.RunAsNode]: true,
    [FuseV1Options.EnableNodeOptionsEnvironmentVariable]: false,
    [FuseV1Options.EnableNodeCliInspectArguments]: false,
    [FuseV1Options.OnlyLoadAppFromAsar]: true,
    [FuseV1Options.EnableCookieEncryption]: true,
    [FuseV1Options.GrantFileProtocolExtraPrivileges]: false,
    [FuseV1Options.EnableEmbeddedAsarIntegrityValidation]: electronPlatformName !== 'linux',
  })
}
