# What systemd needs to run the servers: units, which name the programs where they are installed, and
# configuration files to begin with.
set(service_folder ${PROJECT_SOURCE_DIR}/deploy)
# The prefix is known at the installation only.
install(CODE "
  foreach(program broker wsfacade)
    file(READ \"${service_folder}/systemd/carillon-\${program}.service\" unit)
    string(REPLACE /usr/bin \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}\" unit \"\${unit}\")
    set(file \"\${CMAKE_INSTALL_PREFIX}/lib/systemd/system/carillon-\${program}.service\")
    message(STATUS \"Installing: \$ENV{DESTDIR}\${file}\")
    file(WRITE \"\$ENV{DESTDIR}\${file}\" \"\${unit}\")
  endforeach()
" COMPONENT service)
install(DIRECTORY ${service_folder}/config/
        DESTINATION ${CMAKE_INSTALL_DATADIR}/carillon/config COMPONENT service)
